-- stale: entries that have been silent for a while, for a second look later. Changes nothing but the cursor.
-- KEYS     meta
-- ARGS     idle_ms
-- RETURNS  [lane, entry, idle_ms] per entry
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(lanes x workers + pages): ten pages of each silent worker's entries, and one of the lane's from a cursor
-- FLAGS    allow-oom
local function note(found, number, pending, idle_ms)
  for _, held in ipairs(pending) do
    local name = number .. ' ' .. held[1]
    if held[3] >= idle_ms and not found[name] then
      found[name] = true
      found[#found + 1] = { number, held[1], held[3] }
    end
  end
end

-- A worker renews all it holds at once: if its oldest entry is silent, so is the worker. Its entries are found at
-- once, however many those of living workers are.
local function of_silent_workers(q, number, idle_ms, found)
  for _, holder in ipairs(lane.pending(q, number)[4] or {}) do
    local oldest = lane.pending(q, number, '-', '+', 1, holder[1])
    if oldest[1] and oldest[1][3] >= idle_ms then
      note(found, number, lane.pending(q, number, '-', '+', 10 * delayed.page, holder[1]), idle_ms)
    end
  end
end

-- What a living worker does not know of is found by walking through all there is, a page a call.
local function of_others(q, meta, number, idle_ms, found)
  local field = 'cursor:' .. number
  local after = redis.call('HGET', meta, field) or '-'
  local pending = lane.pending(q, number, after, '+', delayed.page)
  note(found, number, pending, idle_ms)
  if #pending == delayed.page then
    redis.call('HSET', meta, field, '(' .. pending[#pending][1])
  elseif after ~= '-' then
    redis.call('HDEL', meta, field)
  end
end

local function stale(keys, args)
  local q = queue.open(keys[1])
  local idle_ms, found = tonumber(args[1]), {}
  for _, number in ipairs(lane.numbers(q)) do
    of_silent_workers(q, number, idle_ms, found)
    of_others(q, keys[1], number, idle_ms, found)
  end
  return found
end
