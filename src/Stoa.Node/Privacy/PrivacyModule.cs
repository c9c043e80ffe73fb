using Stoa.Node.Hosting;

namespace Stoa.Node.Privacy;

/// <summary>Wires what a person may ask of the node about themselves.</summary>
public static class PrivacyModule
{
    public static void AddPrivacy(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Privacy", new PrivacyOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<PersonalExport>();
        services.AddSingleton<ExportTurns>();
        services.AddSingleton<SqlErasureRequests>();
        services.AddSingleton<ErasureSteps>();
        services.AddSingleton<ErasedContent>();
        services.AddSingleton<OrganisationContent>();
        services.AddSingleton<ErasureWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<ErasureWorker>());
    }
}
