-- The audit of jobs: each is in exactly the containers that its status implies.
function audit.indexed(q, j)
  audit.named_by_all(q, j)
  audit.marks(q, j)
  for _, tag in ipairs(j.options.tags or {}) do
    audit.place(q, 'tag', index.tag_name(j.tenant, tag), j.id, j.seq)
  end
end

function audit.retention(q, j)
  if audit.final[j.status] then
    audit.bundled(q, 'retention', 'ended:' .. j.status, ended.moment(q, j), j)
  end
  local kept = { completed = '^%d*:(%d*)', failed = ':(%d*)$', cancelled = ':(%d*)$' }
  for status, pattern in pairs(kept) do
    local name = 'newest:' .. status .. ':' .. j.tenant
    local counted = (string.match(j.keep, pattern) or '') ~= ''
    audit.place(q, 'retention', name, j.id, j.status == status and counted)
  end
end

-- Put a job that nobody would ever find again before its lane. Its old entry, if there is one, goes.
function audit.bring_back(q, j)
  if j.entry ~= '' then lane.drop(q, j.lane, j.entry) end
  if j.status == 'active' then
    j.token = queue.tokens(q, 1)
    admission.ended(q, j)
  else
    queue.count(q, j.status, -1)
  end
  intake.place(q, j, lane.before(j.lane), 0)
  event.emit(q, j.id, j.tenant, 'waiting')
end

local function standing(q, j)
  local key = lane.key(q, j.lane)
  local found = redis.call('XRANGE', key, j.entry, j.entry)[1]
  local handed_out = found and audit.handed_out(lane.delivered(q, j.lane), j.entry)
  local held = handed_out and #redis.pcall('XPENDING', key, lane.group, j.entry, j.entry, 1) > 0
  if not found or found[2][2] ~= j.id then return 'its entry is gone' end
  if j.status == 'waiting' and handed_out then return 'its entry was handed out, and nobody runs it' end
  if j.status == 'active' and handed_out and not held then return 'nobody holds its entry' end
end

function audit.standing(q, j)
  if j.status == 'blocked' then return audit.blocked(q, j) end
  if j.status ~= 'waiting' and j.status ~= 'active' then return end
  if j.entry == '' and j.status == 'waiting' then return audit.say(q, '?line', j.id, j.lane .. ':' .. j.tenant) end
  local fault = j.entry == '' and 'it has no entry' or standing(q, j)
  if not fault then return end
  audit.say(q, 'lost_job', j.id, j.status .. ' in lane ' .. j.lane .. ', but ' .. fault)
  if q.fix then audit.bring_back(q, j) end
end
