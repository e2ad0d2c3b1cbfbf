-- The audit of jobs that wait, and that nobody has seen in their tenant's line.
-- A job that stands neither in its tenant's line nor, of a newer version, apart: is it in its lane unread?
local function sought(q, j, unread)
  local found = unread[j.lane]
  if found.ids[j.id] then return end
  if found.more then return audit.say(q, '?unread', j.id, 'too much waits in lane ' .. j.lane .. ' to look for it') end
  audit.say(q, 'lost_job', j.id, 'waiting, but neither in lane ' .. j.lane .. ' nor in its line')
  if q.fix then audit.bring_back(q, j) end
end

-- Jobs that were seen in no line: they may have moved on since. How many entries of a lane to look through, then ids.
function audit.lines(q, args)
  local unread = {}
  for i = 2, #args do
    local j = job.read(q, args[i])
    local lost = j and j.status == 'waiting' and j.entry == '' and not backlog.holds(q, tenant.open(q, j.tenant), j)
    if lost and not redis.call('ZSCORE', q.prefix .. 'newer', j.id) then
      unread[j.lane] = unread[j.lane] or backlog.all_unread(q, j.lane, tonumber(args[1]))
      sought(q, j, unread)
    end
  end
end
