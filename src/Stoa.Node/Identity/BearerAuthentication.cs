using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Stoa.Node.Http;
using Stoa.Node.Signing;

namespace Stoa.Node.Identity;

/// <summary>Recognises the caller by <c>Authorization: Bearer</c> with an API key or the token of a session; the prefix tells which.</summary>
public sealed class BearerAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, Credentials credentials, Sessions sessions)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    /// <summary>Name of the scheme, in headers too.</summary>
    public const string SchemeName = "Bearer";

    private const string SubProtocolPrefix = "stoa.bearer.";
    private const int TokenLengthMax = 4096;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.Count > 0 ? Request.Headers.Authorization.ToString() : FromSubProtocol();
        if (header is null)
            return await Context.RequestServices.GetRequiredService<SignedRequests>().AuthenticateAsync(Context);
        if (!header.StartsWith(SchemeName + " ", StringComparison.OrdinalIgnoreCase) || header.Length > TokenLengthMax)
            return AuthenticateResult.Fail("The Authorization header is not of the form: Bearer, one space, an API key or the token of a session.");

        var token = header[(SchemeName.Length + 1)..].Trim();
        if (await credentials.FindAsync(token, Context.RequestAborted) is not { } caller)
            return AuthenticateResult.Fail("The API key or session token is wrong, has expired or was revoked.");

        caller.Attach(Context.Features);
        Context.Features.Set<Recognition>(new Recognition.ByToken(token, credentials, sessions));
        var identity = new ClaimsIdentity(
            [new Claim("sub", caller.UserId.ToString()), new Claim("handle", caller.Handle), new Claim("role", caller.Role.ToString())],
            SchemeName, "handle", "role");
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    /// <summary>A page cannot set headers on its WebSocket, so it offers its credential among the subprotocols: <c>stoa.bearer.</c> and the token.</summary>
    private string? FromSubProtocol() => Context.WebSockets.WebSocketRequestedProtocols
        .Where(offered => offered.StartsWith(SubProtocolPrefix, StringComparison.Ordinal))
        .Select(offered => $"{SchemeName} {offered[SubProtocolPrefix.Length..]}")
        .FirstOrDefault();

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var failure = (await HandleAuthenticateOnceSafeAsync()).Failure;
        // RFC 6750 section 3.1: a request without a credential is told of no error.
        Response.Headers.WWWAuthenticate = failure is null ? SchemeName : $"{SchemeName} error=\"invalid_token\"";
        var remedy = Problems.Of(RequestRefusal.Unauthenticated).Remedy;
        await RequestRefusal.Unauthenticated.ToProblem(failure is null ? remedy : $"{failure.Message} {remedy}").ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        RequestRefusal.Forbidden.ToProblem().ExecuteAsync(Context);
}
