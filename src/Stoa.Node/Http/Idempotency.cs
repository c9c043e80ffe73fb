using Microsoft.AspNetCore.Http.Features;
using Stoa.Node.Identity;

namespace Stoa.Node.Http;

/// <summary>Lets a client repeat a request that makes something: with the same <c>Idempotency-Key</c> and content it gets the same answer.</summary>
/// <remarks>
/// The first request reserves the key together with the id of what it will make. Its answer is kept for a day, sealed with a key that
/// is derived from the Idempotency-Key, of which only a hash is stored: an answer may hold the secret of a new API key.
/// When the node dies between act and answer, the repetition acts again under the same id, and the stores recognise it.
/// </remarks>
public static class Idempotency
{
    /// <summary>Says that an answer is the one of an earlier request.</summary>
    public const string ReplayedHeader = "Idempotency-Replayed";

    /// <summary>Heeds the <c>Idempotency-Key</c> header. The endpoint has a <see cref="Body{T}"/> and makes its thing under <see cref="MadeId"/>.</summary>
    public static TBuilder Idempotent<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.AddEndpointFilter(FilterAsync)
            .TakesIdempotencyKey()
            .Refuses(RequestRefusal.IdempotencyKeyReused, RequestRefusal.IdempotencyKeyBusy);

    /// <summary>Says in the OpenAPI document that the endpoint heeds the <c>Idempotency-Key</c> header, for one that does so by itself.</summary>
    public static TBuilder TakesIdempotencyKey<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new IdempotencyKeyTaken());

    /// <summary>Marks endpoints for the OpenAPI document.</summary>
    internal sealed record IdempotencyKeyTaken;

    private static async ValueTask<object?> FilterAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var context = invocation.HttpContext;
        if (IdempotencyKeyHeader.Read(context.Request) is not { } key)
            return await next(invocation);

        var requests = context.RequestServices.GetRequiredService<SqlIdempotentRequests>();
        // Two members of an organisation do not get each other's answers, which may hold a secret.
        var who = Caller.Of(context) is { } caller ? (caller.OrganisationRole is null ? $"{caller.UserId}" : $"{caller.UserId}/{caller.ActorId}") : "anonymous";
        var scope = $"{who} {context.Request.Method} {context.Request.Path}";
        var made = await MadeId.BindAsync(context);
        var ticket = new IdempotencyTicket(scope, key);
        var body = invocation.Arguments.OfType<IRequestContent>().Single();
        switch (await requests.BeginAsync(ticket, body.Hash, made.Uuid, context.RequestAborted))
        {
            case IdempotencyStart.Reused:
                return RequestRefusal.IdempotencyKeyReused.ToProblem();
            case IdempotencyStart.Busy:
                context.Response.Headers.RetryAfter = "1";
                return RequestRefusal.IdempotencyKeyBusy.ToProblem();
            case IdempotencyStart.Answered(var answer):
                context.Response.Headers[ReplayedHeader] = "true";
                return new StoredAnswerResult(answer);
            case IdempotencyStart.Reserved(var uuid):
                made.Uuid = uuid;
                return await ActAsync(invocation, next, requests, ticket);
            default:
                throw new InvalidOperationException("Every way to start is handled.");
        }
    }

    private static async Task<IResult> ActAsync(
        EndpointFilterInvocationContext invocation, EndpointFilterDelegate next, SqlIdempotentRequests requests, IdempotencyTicket ticket)
    {
        var context = invocation.HttpContext;
        StoredAnswer answer;
        using var acting = new CancellationTokenSource();
        var busy = requests.KeepBusyAsync(ticket, acting.Token);
        try
        {
            var result = await next(invocation) as IResult ?? throw new InvalidOperationException("An idempotent endpoint answers an IResult.");
            answer = await CaptureAsync(context, result);
        }
        catch
        {
            await acting.CancelAsync();
            await busy;
            // What was made, if anything, is found again by its id: the next repetition need not wait.
            await requests.HandBackAsync(ticket, CancellationToken.None);
            throw;
        }

        await acting.CancelAsync();
        await busy;
        // From here on the act is done, so it is recorded even when the client has gone.
        if (answer.Status is >= 200 and < 300)
            await requests.AnswerAsync(ticket, answer, CancellationToken.None);
        else
            await requests.ForgetAsync(ticket, CancellationToken.None);
        return new StoredAnswerResult(answer);
    }

    private static async Task<StoredAnswer> CaptureAsync(HttpContext context, IResult result)
    {
        var original = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        using var captured = new MemoryStream();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(captured));
        try
        {
            await result.ExecuteAsync(context);
            await context.Response.BodyWriter.FlushAsync();
        }
        finally
        {
            context.Features.Set(original);
        }

        var response = context.Response;
        return new StoredAnswer(response.StatusCode, response.ContentType, response.Headers.Location, captured.ToArray());
    }

    private sealed class StoredAnswerResult(StoredAnswer answer) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = answer.Status;
            response.ContentType = answer.ContentType;
            response.Headers.Location = answer.Location;
            response.ContentLength = answer.Body.Length;
            await response.Body.WriteAsync(answer.Body, httpContext.RequestAborted);
        }
    }
}
