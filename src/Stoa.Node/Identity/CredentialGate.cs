using Microsoft.AspNetCore.Authentication;

namespace Stoa.Node.Identity;

/// <summary>Refuses a wrong credential even where none is needed: whoever sends one wants to be recognised, and should hear that it failed.</summary>
public sealed class CredentialGate(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        // The handler has its answer already: it is asked once a request.
        var recognised = await context.AuthenticateAsync(BearerAuthentication.SchemeName);
        if (recognised.Failure is null)
            await next(context);
        else
            await context.ChallengeAsync(BearerAuthentication.SchemeName);
    }
}
