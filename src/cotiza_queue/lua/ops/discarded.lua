-- discarded: names of stored content that nobody refers to any more; those that were deleted are struck off.
-- KEYS     meta
-- ARGS     limit, then the names that were deleted
-- RETURNS  the names to delete next, the oldest first
-- EDGE     none
-- EMITS    nothing
-- ERRORS   none
-- COST     O(limit + names)
-- FLAGS    allow-oom
local function discarded(keys, args)
  local key = string.match(keys[1], '^{[^}]+}:') .. 'litter'
  if #args > 1 then redis.call('ZREM', key, unpack(args, 2)) end
  return redis.call('ZRANGE', key, 0, args[1] - 1)
end
