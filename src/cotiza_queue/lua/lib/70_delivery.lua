-- Handing jobs to a worker: the lanes are read as chosen, tombstones on the way are dropped.
local delivery = { tombstones = 100, first = 8, bytes = 524288 }

-- Reads up to `want` jobs of one lane (one entry if it is to be `single`), filling it up from the backlogs as it goes.
local function read_lane(q, number, worker, want, budget, out)
  local started, take = 0, { number = number, by = budget.by, out = out, touched = {}, refused = {}, followed = {} }
  while started < want and budget.entries > 0 and not q.limit.shut do
    -- Under a rate of the queue one by one: the next may cost more than what is left.
    local asked, pushed = math.min(want - started, budget.entries, q.limit.period and 1 or budget.fit), q.pushed
    local entries, left = lane.read(q, number, worker, asked), 0
    if #entries < asked then lane.emptied(q, number) end
    take.emptied = #entries < asked
    take.token = #entries > 0 and queue.tokens(q, #entries) - #entries
    entry.fetch(q, entries)
    for i = 1, #entries do
      local read = entries[i]
      local j = q.jobs[read[2][2]]
      if backlog.unread(j, number, read) then j.entry = read[1] end
      local status = job.stands(j, number, read[1]) and j.status
      if status == 'waiting' then
        left = left + 1
        started = started + entry.hand_out(q, j, take)
      elseif status ~= 'active' then -- an active job's is read again if its group was lost: it stays with its worker
        admission.passed(q, number, read)
      end
    end
    if left > 0 then lane.left(q, number, left) end
    backlog.follow(q, number, take)
    budget.entries = budget.entries - #entries
    budget.fit = entry.fitting(budget, out, delivery)
    if take.emptied then
      entry.share_out(q, number, take.touched, math.min(want - started, budget.entries), delivery.bytes - budget.bytes)
    end
    if budget.single or #entries < asked and q.pushed == pushed then break end
  end
  local refused = take.refused
  for i = #refused, 1, -1 do backlog.give_back(q, refused[i][1], refused[i][2], lane.home(number)) end
  return started
end

-- Returns the jobs that were started, and the moment from which on a rate allows more.
function delivery.take(q, worker, want)
  local out = {}
  if want <= 0 then return out end
  local allowed, moment = ceiling.room(q)
  want = math.min(want, allowed)
  local budget, started = { entries = want + delivery.tombstones, worker = worker, by = by_whom.of(q, worker),
    fit = delivery.first, bytes = 0, seen = 0 }, 0
  if want > 0 then
    newer.admit(q)
    started = choice.serve(q, want, budget, function(number, n)
      return read_lane(q, number, worker, n, budget, out)
    end)
    if q.limit.moved then redis.call('HSET', q.prefix .. 'meta', 'tat', q.limit.tat) end
    queue.count(q, 'waiting', -started)
    queue.count(q, 'active', started)
  end
  -- So many tombstones that a call was not enough: look again at once.
  return out, q.limit.shut or budget.entries <= 0 and started < want and q.now or moment
end
