using Microsoft.AspNetCore.Http.Features;
using Stoa.Node.Signing;

namespace Stoa.Node.Identity;

/// <summary>Recognises the caller of each request, once: by <c>Authorization: Bearer</c> with an API key or the token of a session, of which the prefix tells which, or by a signature. What comes of it is among the request's features.</summary>
/// <remarks>Who has a right to what is decided behind it, by <see cref="CredentialGate"/> and <see cref="PermissionGate"/>.</remarks>
public sealed class CallerRecognition(RequestDelegate next, Credentials credentials, Sessions sessions, SignedRequests signed)
{
    /// <summary>Name of the scheme in the header.</summary>
    public const string SchemeName = "Bearer";

    private const string Prefix = SchemeName + " ";
    private const string SubProtocolPrefix = "stoa.bearer.";
    private const int TokenLengthMax = 4096;

    public Task InvokeAsync(HttpContext context)
    {
        var failure = FindFailureAsync(context);
        // Most callers are known, and nothing is waited for.
        return failure.IsCompletedSuccessfully ? GoOn(context, failure.Result) : WaitAsync(context, failure);
    }

    private async Task WaitAsync(HttpContext context, ValueTask<string?> failure) => await GoOn(context, await failure);

    private Task GoOn(HttpContext context, string? failure)
    {
        if (failure is not null)
            context.Features.Set(new CredentialFailure(failure));
        return next(context);
    }

    /// <returns>What is wrong with the credential; null when nothing is, or there is none.</returns>
    private async ValueTask<string?> FindFailureAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        var header = headers.Authorization.Count > 0 ? headers.Authorization.ToString() : FromKeyHeader(context) ?? FromSubProtocol(context);
        if (header is null)
            return context.GetEndpoint()?.Metadata.GetMetadata<OtherSignatures>() is null ? await signed.RecogniseAsync(context) : null;
        if (!header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) || header.Length > TokenLengthMax)
            return "The Authorization header is not of the form: Bearer, one space, an API key or the token of a session.";
        var token = header[Prefix.Length..].Trim();
        if (await credentials.FindAsync(token, context.RequestAborted) is not { } caller)
            return "The API key or session token is wrong, has expired or was revoked.";
        caller.Attach(context.Features);
        context.Features.Set<Recognition>(new Recognition.ByToken(token, credentials, sessions));
        return null;
    }

    /// <summary>Clients of other APIs have a header of their own for the key: it is heeded where the endpoint says so.</summary>
    private static string? FromKeyHeader(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<ApiKeyHeader>() is { Name: var name } && context.Request.Headers.TryGetValue(name, out var key) ? $"{Prefix}{key}" : null;

    /// <summary>A page cannot set headers on its WebSocket, so it offers its credential among the subprotocols: <c>stoa.bearer.</c> and the token.</summary>
    private static string? FromSubProtocol(HttpContext context) => context.Features.Get<IHttpWebSocketFeature>()?.IsWebSocketRequest is not true
        ? null
        : context.WebSockets.WebSocketRequestedProtocols
            .Where(offered => offered.StartsWith(SubProtocolPrefix, StringComparison.Ordinal))
            .Select(offered => Prefix + offered[SubProtocolPrefix.Length..])
            .FirstOrDefault();
}

/// <summary>Marks an endpoint whose clients may send the API key in another header than <c>Authorization</c>, which goes before it.</summary>
/// <param name="Name">Of the header.</param>
public sealed record ApiKeyHeader(string Name);

/// <summary>Marks an endpoint whose requests are signed by other keys than those of callers, and which looks at signatures itself.</summary>
public sealed record OtherSignatures;

/// <summary>A request came with a credential, and it is none that is good.</summary>
/// <param name="Reason">Why, in words.</param>
public sealed record CredentialFailure(string Reason);
