-- A call whose unique key another job holds: it is answered with that job, and what it brings may go there.
local rival = {}

-- What the call brings goes to the job behind the holder if there is one, else to the holder.
local function pass_on(q, n, j)
  if j.status == 'blocked' then
    job.set(q, j, 'delay', n.delay)
  else
    unique.claim(q, { id = j.id, options = n.options })
  end
  local apart = newer.forget(q, j) -- what it becomes may be of another version
  moving.become(q, j, n)
  if n.call.duplicate == 'replace' and j.status ~= 'blocked' then
    if j.status == 'delayed' or n.delay > 0 then return moving.place(q, j, n.lane, n.delay) end
  end
  if apart then return moving.place(q, j, n.lane, 0) end
  moving.to_lane(q, j, n.lane)
end

local OPEN = { waiting = true, delayed = true, blocked = true }

-- The answer to the call; nil if nobody holds the key. Then, or behind a running holder (`n.behind`), the call makes a
-- job of its own.
function rival.answer(q, n)
  local id, status, created = unique.holder(q, n.options)
  if not id or id == n.id then return nil end
  local j = n.call.duplicate and job.read(q, id)
  if not j then return memory.known(q, id) or { id, 0, status, created, '' } end
  if j.rare.next then
    j = job.read(q, j.rare.next)
  elseif j.status == 'active' and n.call.duplicate == 'next' then
    n.behind = j
    return nil
  end
  if OPEN[j.status] then pass_on(q, n, j) end
  return memory.known(q, j.id)
end
