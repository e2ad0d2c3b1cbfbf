-- What a processor was told by the other side: come back later. Nothing of its tenant, or of its queue, starts before.
local hold = {}

-- The longest such word counts.
function hold.begin(q, j, scope, span_ms)
  local moment = q.now + math.floor(tonumber(span_ms))
  if scope == 'queue' then return ceiling.rest(q, moment) end
  absence.rest(q, tenant.open(q, j.tenant), moment)
end
