-- letters: a page of dead letters, newest first, or the one of a job.
-- KEYS     meta
-- ARGS     tenant ("" for all), below (entry id, "" for the newest), limit, job id ("" for a page)
-- RETURNS  [entry id to go on below or "", [[entry id, [field, value ...]] per letter]]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(500): a call looks at 500 letters at the most
-- FLAGS    no-writes
local function letters(keys, args)
  local p = string.match(keys[1], '^{[^}]+}:')
  local tenant, below, limit, id = args[1], args[2], tonumber(args[3]), args[4]
  local first, last, page = below == '' and '+' or '(' .. below, '-', tenant == '' and limit or 500
  if id ~= '' then
    first = redis.call('HGET', p .. 'dead:index', id)
    if not first then return { '', {} } end
    last = first
  end
  local entries = redis.call('XREVRANGE', p .. 'dead', first, last, 'COUNT', page)
  local found, next_below = {}, ''
  for _, entry in ipairs(entries) do
    if tenant == '' or entry[2][4] == tenant then found[#found + 1] = entry end
    next_below = entry[1]
    if #found == limit then break end
  end
  if #found < limit and #entries < page then next_below = '' end
  return { next_below, found }
end
