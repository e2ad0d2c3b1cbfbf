-- saved: what the attempts of a job have saved.
-- KEYS     meta
-- ARGS     id
-- RETURNS  [name, value, ...]
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(names), at most 64
-- FLAGS    no-writes
local function saved(keys, args)
  return redis.call('HGETALL', string.match(keys[1], '^{[^}]+}:') .. 'checkpoints:' .. args[1])
end
