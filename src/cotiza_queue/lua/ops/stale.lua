-- stale: entries that have been silent for a while, for a second look later. Changes nothing but the cursor.
-- KEYS     meta
-- ARGS     idle_ms
-- RETURNS  [lane, entry, idle_ms] per entry
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(lanes + a page of pending entries per lane); a cursor per lane is kept between calls
-- FLAGS    allow-oom
local function stale(keys, args)
  local q = queue.open(keys[1])
  local idle_ms, found = tonumber(args[1]), {}
  for _, number in ipairs(redis.call('HKEYS', q.prefix .. 'lanes')) do
    local field = 'cursor:' .. number
    local after = redis.call('HGET', keys[1], field) or '-'
    local pending = lane.pending(q, number, after, '+', delayed.page)
    for _, held in ipairs(pending) do
      if held[3] >= idle_ms then found[#found + 1] = { number, held[1], held[3] } end
    end
    if #pending == delayed.page then
      redis.call('HSET', keys[1], field, '(' .. pending[#pending][1])
    elseif after ~= '-' then
      redis.call('HDEL', keys[1], field)
    end
  end
  return found
end
