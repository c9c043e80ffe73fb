using Stoa.Node.Http;

namespace Stoa.Node.Identity;

/// <summary>Refuses a wrong credential, even where none is needed: whoever sends one wants to be recognised, and should hear that it failed. And where a caller is needed, it refuses whoever has none.</summary>
public sealed class CredentialGate(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        var failure = context.Features.Get<CredentialFailure>();
        return failure is not null || (NeedsCaller(context.GetEndpoint()) && Caller.Of(context) is null)
            ? ChallengeAsync(context, failure)
            : next(context);
    }

    // What callers call is for known ones, unless it says that it is open to all.
    private static bool NeedsCaller(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<ApiEndpoint>() is not null && !Access.IsOpen(endpoint.Metadata);

    private static Task ChallengeAsync(HttpContext context, CredentialFailure? failure)
    {
        // RFC 6750 section 3.1: a request without a credential is told of no error.
        context.Response.Headers.WWWAuthenticate = failure is null ? CallerRecognition.SchemeName : $"{CallerRecognition.SchemeName} error=\"invalid_token\"";
        var remedy = Problems.Of(RequestRefusal.Unauthenticated).Remedy;
        return RequestRefusal.Unauthenticated.ToProblem(failure is null ? remedy : $"{failure.Reason} {remedy}").ExecuteAsync(context);
    }
}
