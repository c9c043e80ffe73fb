using Stoa.Node.Identity;

namespace Stoa.Node.Http;

/// <summary>Counts every call of the API before anything is done for it, wrong credentials too: guessing keys is a flood like any other.</summary>
/// <remarks>
/// A recognised caller counts as the person, whomever he acts for, and not as the address: many people behind one address do not starve each
/// other, nor do the members of an organisation. Only calls of nobody, and of wrong credentials, count for their address.
/// </remarks>
public sealed class CallLimits(RequestDelegate next, RateLimits limits)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<ApiEndpoint>() is not { Limit: var limit })
            return next(context);
        var refused = limits.Refuse(context, limit, RateLimits.KeyOf(context, limit));
        if (refused is null && Caller.Of(context)?.Key is { CallsPerMinute: { } permits } key)
            refused = limits.RefuseKey(context, key.Id, permits);
        return refused is null ? next(context) : refused.ExecuteAsync(context);
    }
}
