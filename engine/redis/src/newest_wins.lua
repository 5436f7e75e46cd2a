-- Writes the fields of one view of one entity unless a newer event is stored. One key, so it works in a cluster.
-- KEYS[1] is the hash. ARGV: 1 name of the time field, 2 its new bytes (google.protobuf.Timestamp), 3 their seconds, 4 their nanos,
-- 5 seconds the hash is to live from now on, or 0, 6.. field, value, field, value...
-- Gives 1 when it has written, 0 when a newer event is stored.
local old = redis.call('HGET', KEYS[1], ARGV[1])
-- What is longer is no time, and is replaced.
if old and old ~= ARGV[2] and #old <= 32 then
  local seconds, nanos, at = 0, 0, 1
  while at <= #old do
    local tag, sum, inverse, scale, count, byte = string.byte(old, at), 0, 0, 1, 0, 0
    at = at + 1
    repeat
      byte = string.byte(old, at) or 0
      at, count = at + 1, count + 1
      if count < 10 then
        sum, inverse = sum + byte % 128 * scale, inverse + (127 - byte % 128) * scale
        scale = scale * 128
      end
    until byte < 128
    -- Ten bytes are a negative number; its complement is small and exact in a double.
    if count == 10 then sum = -inverse - 1 end
    if tag == 8 then seconds = sum elseif tag == 16 then nanos = sum end
  end
  local new = tonumber(ARGV[3])
  if new < seconds or new == seconds and tonumber(ARGV[4]) < nanos then return 0 end
end
-- Lua takes some 8,000 arguments at once. What is written first is not seen before the script ends.
local last = math.min(#ARGV, 4005)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], unpack(ARGV, 6, last))
while last < #ARGV do
  local first = last + 1
  last = math.min(#ARGV, last + 4000)
  redis.call('HSET', KEYS[1], unpack(ARGV, first, last))
end
if ARGV[5] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
return 1
