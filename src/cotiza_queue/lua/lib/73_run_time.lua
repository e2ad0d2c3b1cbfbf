-- Run times are counted in quarters of an octave.
local BUCKETS = {}

function queue.count_run(q, run_ms)
  local n = math.floor(4 * math.log(run_ms + 1) / math.log(2))
  BUCKETS[n] = BUCKETS[n] or 'run:' .. n
  queue.count(q, BUCKETS[n], 1)
  queue.count(q, 'total_run_ms', run_ms)
end
