-- Run times are counted in quarters of an octave.
local SHORT = {}

local function bucket_of(run_ms) return 'run:' .. math.floor(4 * math.log(run_ms + 1) / math.log(2)) end
local function bucket_of_short(run_ms)
  SHORT[run_ms] = SHORT[run_ms] or bucket_of(run_ms)
  return SHORT[run_ms]
end

function queue.count_run(q, run_ms)
  queue.count(q, run_ms < 1000 and bucket_of_short(run_ms) or bucket_of(run_ms), 1)
  queue.count(q, 'total_run_ms', run_ms)
end
