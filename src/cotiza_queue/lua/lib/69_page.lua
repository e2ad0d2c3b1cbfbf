-- A page of a lane's entries: their jobs, and what comes after them.
-- Once a lane is empty, everyone who waits for it is known: what is still wanted, and has room in the reply, is shared
-- out among them by weight, and taken in the same call.
function entry.share_out(q, number, touched, wanted, bytes)
  local weights = 0
  for _, t in ipairs(touched) do weights = weights + (t.limits.weight or 1) end
  for _, t in ipairs(touched) do
    local weight = t.limits.weight or 1
    backlog.admit(q, t, number, math.floor(wanted / weights) * weight, bytes / weights * weight)
  end
end

function entry.fetch(q, entries)
  local ids = {}
  for i = 1, #entries do ids[i] = entries[i][2][2] end
  job.fetch(q, ids)
  tenant.fetch_of(q, ids)
end

-- How many more fit into a reply, by the size of those before; a few to begin with. With the last one the take ends.
function entry.fitting(budget, out, limits)
  for i = budget.seen + 1, #out do budget.bytes = budget.bytes + out[i].size end
  budget.seen = #out
  if budget.bytes >= limits.bytes then budget.entries = 0 end
  if budget.bytes == 0 then return limits.first end
  return math.max(1, math.floor((limits.bytes - budget.bytes) * #out / budget.bytes))
end
