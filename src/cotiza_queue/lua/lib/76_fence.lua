-- An outcome, and whether it is its teller's to tell: only the holder of the job's token ends an attempt, and once.
function settle.one(q, kind, id, token, value, extra, notice)
  local j = job.read(q, id)
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
