-- post: takes one plain job in, whose id was made for this call: into the inbox, or as enqueue does.
-- KEYS     meta
-- ARGS     as enqueue, of one job without delay, unique key and call
-- RETURNS  as enqueue
-- EDGE     (none) -> waiting, waiting -> active
-- EMITS    waiting, when it is placed
-- ERRORS   none
-- COST     O(1); every hundredth O(100)
local function post(keys, args)
  local moment = inbox.post(keys[1], args[1], args[2])
  if moment then return moment end
  local q = queue.open(keys[1])
  local answers, plain = intake.page(q, args, intake.fields)
  queue.close(q)
  return plain and q.now or answers
end
