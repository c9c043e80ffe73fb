using Microsoft.AspNetCore.Authentication;

namespace Stoa.Node.Identity;

/// <summary>Refuses a wrong credential even where none is needed: whoever sends one wants to be recognised, and should hear that it failed.</summary>
public sealed class CredentialGate(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context) =>
        context.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Failure is null
            ? next(context)
            : context.ChallengeAsync(BearerAuthentication.SchemeName);
}
