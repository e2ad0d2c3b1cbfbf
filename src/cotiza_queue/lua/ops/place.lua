-- place: gives what is in the inbox its places, before calls that write nothing.
-- KEYS     meta
-- ARGS     none
-- RETURNS  1
-- EDGE     (none) -> waiting
-- EMITS    waiting
-- ERRORS   none
-- COST     O(jobs in the inbox), at most 100
-- FLAGS    allow-oom
local function place(keys, args)
  inbox.place(keys[1])
  return 1
end
