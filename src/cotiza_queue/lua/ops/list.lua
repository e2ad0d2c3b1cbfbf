-- list: a page of jobs, newest first, of one tenant or of all.
-- KEYS     meta
-- ARGS     tenant ("" for all) below_seq ("" for the newest) limit status ("" for any) tag ("" for any)
-- RETURNS  [seq to go on below or "", [[id, record, body, [failures], progress] per job]]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(log jobs + limit) by status or tag; where two filters meet, or all tenants are asked for, a call looks at
--          500 jobs at the most, then says where to go on
-- FLAGS    no-writes
local function list(keys, args)
  local q = queue.look(keys[1])
  local found, last = finding.page_of(q, { tenant = args[1], below = tonumber(args[2]) or math.huge,
    limit = tonumber(args[3]), status = args[4], tag = args[5] })
  local texts = bodies.all(q, found)
  for i, j in ipairs(found) do
    found[i] = { j.id, by_whom.shown(q, j), texts[i],
      redis.call('LRANGE', q.prefix .. 'failures:' .. j.id, -1, -1),
      redis.call('GET', q.prefix .. 'progress:' .. j.id) or '' }
  end
  return { last and string.format('%.0f', last) or '', found }
end
