-- Content that lies in the store of files because it is too large for here. What nobody refers to any more is litter:
-- named in `litter` until a worker's role has deleted it. The job's option `blob` names that of its payload.
local litter = {}

function litter.add(q, name)
  if name and name ~= '' then late.zadd(q, q.prefix .. 'litter', q.now, name) end
end

-- The name of the content that a result stands for; nil if it is the result itself, which never begins with a zero.
function litter.name(result)
  return string.byte(result) == 0 and cmsgpack.unpack(string.sub(result, 2))[1] or nil
end

-- A result that nobody takes, unless it is the one that was taken before.
function litter.refused(q, j, kind, result)
  local name = kind == 'complete' and litter.name(result)
  if name and not (j and j.rare.blob == name) then litter.add(q, name) end
end

-- The answer to a call that made no job; its payload is litter unless another job has taken it over.
function litter.unused(q, n, answer)
  if n.options.blob and not n.used then
    local j = job.read(q, n.id)
    if not (j and j.options.blob == n.options.blob) then litter.add(q, n.options.blob) end
  end
  return answer
end
