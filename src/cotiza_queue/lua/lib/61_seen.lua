-- A call that was answered before: by job id, by unique key or by idempotency key.
function rival.remember(q, n, answer)
  if not n.call.once then return end
  memory.keep(q, n.call.once, { n.call.fingerprint, answer[3], answer[4], answer[5], answer[1] })
end

function rival.known(q, n)
  local found = n.call.once and memory.answer(q, n.call.once, n.call.fingerprint) or memory.known(q, n.id)
  if found or not n.options.unique then return found end
  found = rival.answer(q, n)
  if found then rival.remember(q, n, found) end
  return found
end
