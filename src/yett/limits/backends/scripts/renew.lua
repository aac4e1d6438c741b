-- The gate is alive: the places of its calls are held on.
--
-- KEYS: the epoch; places. ARGV: epoch, seconds of a lease, then the id of a call for each place.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('EPOCH is another one')
end
local time = redis.call('TIME')
local until_ = string.format('%.0f', time[1] * 1000000 + time[2] + tonumber(ARGV[2]) * 1000000)
for index = 1, #KEYS - 1 do
    redis.call('ZADD', KEYS[1 + index], 'XX', until_, ARGV[2 + index])
    redis.call('PEXPIRE', KEYS[1 + index], tonumber(ARGV[2]) * 2000)
end
return redis.status_reply('OK')
