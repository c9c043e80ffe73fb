using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Stoa.Market.Identity;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>Counts requests against their limits and tells clients where they stand, by the <c>RateLimit</c> header fields of the IETF draft.</summary>
public sealed class RateLimits : IDisposable
{
    private static readonly TimeSpan s_keyWindow = TimeSpan.FromMinutes(1);

    private readonly Dictionary<RateLimit, Quota> _quotas;
    private readonly PartitionedRateLimiter<string> _streams;
    private readonly int _streamsPerCaller;
    private readonly CountedWindows<Id<ApiKey>> _keys;

    /// <param name="options">The limits.</param>
    /// <param name="time">Says how long ago something was.</param>
    public RateLimits(HttpOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        _keys = new CountedWindows<Id<ApiKey>>(s_keyWindow, time);
        _quotas = new Dictionary<RateLimit, Quota>
        {
            [RateLimit.Calls] = new("calls", options.CallsPerMinute, TimeSpan.FromMinutes(1), time),
            [RateLimit.ModelCalls] = new("model-calls", options.ModelCallsPerMinute, TimeSpan.FromMinutes(1), time),
            [RateLimit.SignIn] = new("sign-in", options.SignInsPerMinute, TimeSpan.FromMinutes(1), time),
            [RateLimit.SignInOfOneLogin] = new("sign-in-of-one-login", options.SignInsPerLogin, TimeSpan.FromMinutes(10), time),
            [RateLimit.Invitations] = new("invitations", options.InvitationsPerHour, TimeSpan.FromHours(1), time),
            [RateLimit.Coupons] = new("coupons", options.CouponsPerHour, TimeSpan.FromHours(1), time),
            [RateLimit.Messages] = new("messages", options.MessagesPerMinute, TimeSpan.FromMinutes(1), time),
            [RateLimit.RegistrationByProvider] = new("registration-by-provider", options.RegistrationsPerProvider, TimeSpan.FromHours(1), time),
            [RateLimit.Registration] = new("registration", options.RegistrationsPerHour, TimeSpan.FromHours(1), time),
        };
        _streamsPerCaller = options.StreamsPerCaller;
        _streams = PartitionedRateLimiter.Create<string, string>(key => RateLimitPartition.GetConcurrencyLimiter(
            key, _ => new ConcurrencyLimiterOptions { PermitLimit = options.StreamsPerCaller, QueueLimit = 0 }));
    }

    /// <summary>Takes a place for a stream that stays open, until the place is disposed of; a problem when the caller has no place left.</summary>
    public ProblemResult? RefuseStream(HttpContext context, out IDisposable place)
    {
        var lease = _streams.AttemptAcquire(KeyOf(context, RateLimit.Calls));
        place = lease;
        if (lease.IsAcquired)
            return null;
        context.Response.Headers.RetryAfter = "5";
        return RequestRefusal.RateLimited.ToProblem(
            $"At most {_streamsPerCaller} event streams may be open at once: close one, or watch several subjects in one stream.");
    }

    /// <summary>Counts a request; a problem when it is one too many. The header fields are set in both cases.</summary>
    /// <param name="context">The request.</param>
    /// <param name="limit">What it counts as.</param>
    /// <param name="key">For whom it counts.</param>
    /// <param name="count">How often it counts; no more often than all that the limit allows.</param>
    public ProblemResult? Refuse(HttpContext context, RateLimit limit, string key, int count = 1)
    {
        var quota = _quotas[limit];
        return Tell(context, quota, quota.Windows.TryUse(key, quota.Permits, out var standing, Math.Min(count, quota.Permits)), standing);
    }

    /// <summary>Counts a request against the limit of the API key that it came with; a problem when it is one too many.</summary>
    /// <param name="context">The request.</param>
    /// <param name="key">The key.</param>
    /// <param name="permits">Its calls a minute.</param>
    public ProblemResult? RefuseKey(HttpContext context, Id<ApiKey> key, int permits) =>
        Tell(context, new Terms("key", permits, s_keyWindow), _keys.TryUse(key, permits, out var standing), standing);

    private static ProblemResult? Tell(HttpContext context, Terms terms, bool isIn, WindowStanding standing)
    {
        var headers = context.Response.Headers;
        headers.Append("RateLimit-Policy", terms.Policy);
        var (name, permits, window) = terms;
        if (isIn)
        {
            headers.Append("RateLimit", string.Create(CultureInfo.InvariantCulture, $"\"{name}\";r={standing.Remaining}"));
            return null;
        }

        var seconds = Math.Max(1, (long)Math.Ceiling(standing.Wait.TotalSeconds));
        headers.Append("RateLimit", string.Create(CultureInfo.InvariantCulture, $"\"{name}\";r=0;t={seconds}"));
        headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return RequestRefusal.RateLimited.ToProblem(
            string.Create(CultureInfo.InvariantCulture, $"At most {permits} in {window.TotalSeconds} seconds: wait {seconds} seconds, then go on more slowly."));
    }

    public void Dispose() => _streams.Dispose();

    /// <summary>Who is counted: the person who calls, or the address of an anonymous one. An IPv6 customer has a whole /64, so that counts as one.</summary>
    internal static string KeyOf(HttpContext context, RateLimit limit) =>
        limit is RateLimit.Calls or RateLimit.ModelCalls or RateLimit.Invitations or RateLimit.Coupons or RateLimit.Messages && Caller.Of(context) is { } caller ? caller.ActorId.ToString() : Network(context.Connection.RemoteIpAddress);

    private static string Network(IPAddress? address)
    {
        if (address is null)
            return "local";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return address.AddressFamily is AddressFamily.InterNetworkV6
            ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8))
            : address.ToString();
    }

    private record Terms(string Name, int Permits, TimeSpan Window)
    {
        /// <summary>As the header field says them.</summary>
        public string Policy { get; } = string.Create(CultureInfo.InvariantCulture, $"\"{Name}\";q={Permits};w={Window.TotalSeconds}");
    }

    private sealed record Quota(string Name, int Permits, TimeSpan Window, TimeProvider Time) : Terms(Name, Permits, Window)
    {
        public CountedWindows<string> Windows { get; } = new(Window, Time);
    }
}

/// <summary>Puts endpoints under a limit.</summary>
public static class RateLimiting
{
    public static TBuilder LimitedBy<TBuilder>(this TBuilder endpoint, RateLimit limit)
        where TBuilder : IEndpointConventionBuilder => endpoint.AddEndpointFilter(async (invocation, next) =>
        {
            var context = invocation.HttpContext;
            var limits = context.RequestServices.GetRequiredService<RateLimits>();
            return limits.Refuse(context, limit, RateLimits.KeyOf(context, limit)) ?? await next(invocation);
        });
}
