-- An outcome, and whether it is its teller's to tell: only the holder of the job's token ends an attempt, and once.
-- As store/commands.py packs it: kind, job id, token, value, extra, notice.
local function judge(q, kind, id, token, value, extra, notice)
  local j = q.jobs[id]
  if not j or j.token ~= token then
    queue.count(q, 'total_refused', 1)
    litter.refused(q, j, kind, value)
    return 'lost'
  end
  if j.status ~= 'active' then
    litter.refused(q, j, kind, value)
    return 'again'
  end
  if kind == 'hold' then
    hold.begin(q, j, value, extra)
    return 'ok'
  end
  lane.drop(q, j.lane, j.entry)
  admission.ended(q, j)
  if notice ~= '' then event.emit(q, id, j.tenant, notice, value) end
  return settle[kind](q, j, value, extra) or 'ok'
end

-- Those of some jobs that count for what their tenants run.
local function counted(q, ids)
  local found = {}
  for i = 1, #ids do
    local j = q.jobs[ids[i]]
    if j and j.rare.counted then found[#found + 1] = ids[i] end
  end
  return found
end

-- `outcomes`: the values of each, one after the other. Returns the answers that are not ok, each after its place.
function settle.all(q, outcomes)
  local ids, answers, n = {}, {}, 0
  for at = 2, #outcomes, settle.fields do
    n = n + 1
    ids[n] = outcomes[at]
    if settle.delays[outcomes[at - 1]] then delayed.begin(q) end
  end
  job.fetch(q, ids)
  tenant.fetch_of(q, counted(q, ids))
  for i = 1, n do
    local first = (i - 1) * settle.fields + 1
    local answer = judge(q, unpack(outcomes, first, first + settle.fields - 1))
    if answer ~= 'ok' then answers[#answers + 1], answers[#answers + 2] = i, answer end
  end
  return answers
end
