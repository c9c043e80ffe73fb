namespace Stoa.Node.Signing;

/// <summary>Wires signed requests.</summary>
public static class SigningModule
{
    public static void AddSigning(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<SqlSigningKeyStore>();
        services.AddSingleton<RequestNonces>();
        services.AddSingleton<SignedRequests>();
    }
}
