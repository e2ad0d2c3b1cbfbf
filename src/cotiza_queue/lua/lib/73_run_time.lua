-- Run times are counted in quarters of an octave.
local SHORT = {}

local function bucket_of(run_ms) return 'run:' .. math.floor(4 * math.log(run_ms + 1) / math.log(2)) end

function queue.count_run(q, run_ms)
  local bucket = SHORT[run_ms] or bucket_of(run_ms)
  if run_ms < 1000 then SHORT[run_ms] = bucket end
  queue.count(q, bucket, 1)
  q.counts.total_run_ms = q.counts.total_run_ms + run_ms
end
