-- get: everything about one job.
-- KEYS     meta
-- ARGS     id tenant ("" for any)
-- RETURNS  [hash as list, body, result, [failures], progress], or nothing
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(failures)
-- FLAGS    no-writes
local function get(keys, args)
  local p = string.match(keys[1], '^{[^}]+}:')
  local id, tenant = args[1], args[2]
  local hash = redis.call('HGETALL', p .. 'job:' .. id)
  if #hash == 0 then return nil end
  if tenant ~= '' and redis.call('HGET', p .. 'job:' .. id, 'tenant') ~= tenant then return nil end
  return { hash, redis.call('GET', p .. 'body:' .. id) or '', redis.call('GET', p .. 'result:' .. id) or '',
    redis.call('LRANGE', p .. 'failures:' .. id, 0, -1), redis.call('GET', p .. 'progress:' .. id) or '' }
end
