-- list: a page of jobs, newest first, from the index of a tenant or of all.
-- KEYS     meta
-- ARGS     tenant ("" for all) below_seq ("" for the newest) limit status ("" for any)
-- RETURNS  [seq to go on below or "", [[id, hash as list, body, [failures], progress] per job]]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(log jobs + 500): a call looks at 500 jobs at the most, then says where to go on
-- FLAGS    no-writes
local function list(keys, args)
  local p = string.match(keys[1], '^{[^}]+}:')
  local index = p .. 'index' .. (args[1] ~= '' and ':' .. args[1] or '')
  local below, limit, status = args[2] ~= '' and '(' .. args[2] or '+inf', tonumber(args[3]), args[4]
  local page = status == '' and limit or 500
  local found = redis.call('ZREVRANGEBYSCORE', index, below, '-inf', 'WITHSCORES', 'LIMIT', 0, page)
  local jobs, last = {}, ''
  for at = 1, #found, 2 do
    local id = found[at]
    last = found[at + 1]
    local key = p .. 'job:' .. id
    if status == '' or redis.call('HGET', key, 'status') == status then
      jobs[#jobs + 1] = { id, redis.call('HGETALL', key), redis.call('GET', p .. 'body:' .. id) or '',
        redis.call('LRANGE', p .. 'failures:' .. id, -1, -1), redis.call('GET', p .. 'progress:' .. id) or '' }
    end
    if #jobs == limit then break end
  end
  if #jobs < limit and #found / 2 < page then last = '' end
  return { last, jobs }
end
