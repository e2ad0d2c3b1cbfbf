-- Bounded queues: how many jobs may be there that have not started (waiting, delayed, blocked), of a queue and of each
-- tenant in it. Asked only where a new job comes in: what is there already may always come back.
local depth = { soonest = 1000, latest = 60000 }
local KINDS = { 'waiting', 'delayed', 'blocked' }

-- Both are read once a call, before it takes anything in; what it has taken in since is counted by `taken`.
local function of_queue(q)
  local found, n = redis.call('HMGET', q.prefix .. 'counts', unpack(KINDS)), 0
  for i in ipairs(KINDS) do n = n + (tonumber(found[i]) or 0) end
  return n
end

local function of_tenant(_, t) return t.there end

local function reached(owner, most, read, q)
  if not most then return false end
  owner.present = owner.present or { n = read(q, owner) }
  return owner.present.n >= most
end

-- Which limit keeps a new job of the tenant out: "queue" or "tenant"; nil if none does.
function depth.reached(q, t)
  if reached(q, q.depth, of_queue, q) then return 'queue' end
  return reached(t, t.limits.depth, of_tenant, q) and 'tenant' or nil
end

function depth.taken(q, t)
  if q.present then q.present.n = q.present.n + 1 end
  if t.present then t.present.n = t.present.n + 1 end
end

-- In how many ms another place may be free, by the pace of this minute and the last.
function depth.retry_after(q)
  local minute, ended = math.floor(q.now / 60000), 0
  for m = minute - 1, minute do
    for _, n in ipairs(redis.call('HMGET', q.prefix .. 'metrics:' .. m, 'completed', 'failed')) do
      ended = ended + (tonumber(n) or 0)
    end
  end
  local span = 60000 + q.now % 60000
  return math.min(depth.latest, math.max(depth.soonest, math.ceil(span / math.max(ended, 1))))
end
