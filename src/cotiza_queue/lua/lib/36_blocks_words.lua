-- What a member of everybody's index says (36_blocks.lua).

-- An id of ours may have blanks in it: it begins with a byte from `first` on, and has so many `bytes` (store/ids.py).
blocks.first, blocks.bytes = 128, 18

-- The ids and dashes of a member, in their order.
function blocks.words(member)
  local words, at, last, n = {}, 1, #member, 0
  while at <= last do
    local ours = string.byte(member, at) >= blocks.first
    local blank = ours and at + blocks.bytes or string.find(member, ' ', at, true) or last + 1
    n = n + 1
    words[n], at = string.sub(member, at, blank - 1), blank + 1
  end
  return words
end

-- Adds the ids of a block's jobs, of those whose `bits` are set (37_marks.lua); to `seqs`, if given, their places.
function blocks.ids(q, place, bits, ids, seqs)
  for _, member in ipairs(blocks.members(q, place)) do
    local words, left = blocks.words(member), bits
    for at = 1, #words do
      local id = words[at]
      if left % 2 == 1 and id ~= '-' then ids[#ids + 1] = id end
      if seqs and ids[#ids] == id then seqs[#ids] = place + at - 1 end
      left = math.floor(left / 2)
      if left == 0 then break end
    end
  end
end
