-- An entry that stands for nothing. If it came unread, its place goes to its tenant's next one.
function admission.passed(q, number, read)
  local of = lane.of(read)
  lane.drop(q, number, read[1])
  if not of then return end
  local t = tenant.open(q, of)
  lane.left(q, number, 1)
  tenant.count(t, number, -1)
  admission.next(q, t, number)
end
