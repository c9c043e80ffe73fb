namespace Stoa.Node.Privacy;

/// <summary>Wires what a person may ask of the node about themselves.</summary>
public static class PrivacyModule
{
    public static void AddPrivacy(this IHostApplicationBuilder builder) => builder.Services.AddSingleton<PersonalExport>();
}
