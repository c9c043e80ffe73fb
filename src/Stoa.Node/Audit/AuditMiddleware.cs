using Microsoft.AspNetCore.Http.Features;
using Stoa.Market.Audit;
using Stoa.Node.Http;

namespace Stoa.Node.Audit;

/// <summary>Sees to it that every request that changes something leaves an entry in the audit log, and refused ones that matter, too.</summary>
/// <remarks>
/// It stands around authentication and all endpoints, so that no endpoint can be forgotten. The answers of acts that are not bulk are held back until their
/// entry is durable: such answers are small. When the entry cannot be written, the answer is that the node is not available, and that the act may have been done.
/// </remarks>
public sealed class AuditMiddleware(RequestDelegate next, AuditLog log, AuditOptions options, TimeProvider time)
{
    public Task InvokeAsync(HttpContext context) => AuditedEndpoint.Of(context) switch
    {
        null => next(context),
        { IsBulk: true } endpoint => GatherAsync(context, endpoint),
        var endpoint => WriteAsync(context, endpoint),
    };

    private async Task GatherAsync(HttpContext context, AuditedEndpoint endpoint)
    {
        try
        {
            await next(context);
        }
        finally
        {
            if (IsToWrite(context, endpoint, out var status))
                await log.GatherAsync(endpoint.ToAct(context, status, time.GetUtcNow(), options.Address));
        }
    }

    private async Task WriteAsync(HttpContext context, AuditedEndpoint endpoint)
    {
        var original = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        using var held = new MemoryStream();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(held));
        try
        {
            await next(context);
            await context.Response.BodyWriter.FlushAsync();
        }
        finally
        {
            context.Features.Set(original);
        }

        if (IsToWrite(context, endpoint, out var status))
        {
            var act = endpoint.ToAct(context, status, time.GetUtcNow(), options.Address);
            // Refusals come by the thousand when somebody tries passwords: nobody waits for their entries.
            if (status is >= 400 and not AuditAct.ClientGone)
            {
                await log.GatherAsync(act);
            }
            else if (!await log.WriteAsync(act))
            {
                context.Response.Clear();
                context.Response.Headers.RetryAfter = "5";
                await RequestRefusal.Unavailable.ToProblem().ExecuteAsync(context);
                return;
            }
        }

        if (held.Length > 0)
            await context.Response.Body.WriteAsync(held.GetBuffer().AsMemory(0, (int)held.Length), CancellationToken.None);
    }

    /// <summary>Whether a request is written down: when it did something, may have done it, or was refused something that is guarded; a refusal is counted.</summary>
    private bool IsToWrite(HttpContext context, AuditedEndpoint endpoint, out int status)
    {
        var response = context.Response;
        // A client that has gone gets no answer, so the status is still the one that each request begins with.
        status = context.RequestAborted.IsCancellationRequested && response is { HasStarted: false, StatusCode: StatusCodes.Status200OK, ContentType: null }
            ? AuditAct.ClientGone
            : response.StatusCode;
        if (status is >= 200 and < 300 or AuditAct.ClientGone)
            return true;
        var isRefusal = status is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden || (endpoint.IsGuarded && status >= 400);
        return isRefusal && log.TakesRefusal();
    }
}
