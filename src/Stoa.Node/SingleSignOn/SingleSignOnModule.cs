using Microsoft.IdentityModel.Protocols;
using Stoa.Node.Hosting;

namespace Stoa.Node.SingleSignOn;

/// <summary>Wires sign-ins by identity providers into the node.</summary>
public static class SingleSignOnModule
{
    public static void AddSingleSignOn(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("SingleSignOn", new SingleSignOnOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<ProviderHttp>();
        services.AddSingleton<IDocumentRetriever>(provider => provider.GetRequiredService<ProviderHttp>());
        services.AddSingleton<ProviderDirectory>();
        services.AddSingleton<IdTokens>();
        services.AddSingleton<ProviderClient>();
        services.AddSingleton<SqlIdentityProviderStore>();
        services.AddSingleton<SqlSignOnStore>();
        services.AddSingleton<SignOnDesk>();
        services.AddSingleton<SignOnCodes>();
        services.AddHostedService<SignOnCare>();
    }
}
