using Stoa.Market.Identity;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;

namespace Stoa.Node.Identity;

/// <summary>Wires the identity room.</summary>
public static class IdentityModule
{
    public static void AddIdentity(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        builder.AddRoomOptions("Identity", new IdentityOptions(), options => options.Validate());
        services.AddSingleton<IUserStore, SqlUserStore>();
        services.AddSingleton<IPasswordHasher, Passwords>();
        services.AddSingleton<Users>();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<SigningKeys>();
        services.AddSingleton(provider => new SqlSessionStore(
            provider.GetRequiredService<Database>(), provider.GetRequiredService<CellKey>(), provider.GetRequiredService<IdentityOptions>().SessionLimits));
        services.AddSingleton<SqlAccountStore>();
        services.AddSingleton<Sessions>();
        services.AddSingleton<SqlOrganisationStore>();
        services.AddSingleton<SqlInvitationStore>();
        services.AddSingleton<KeyUses>();
        services.AddHostedService(provider => provider.GetRequiredService<KeyUses>());
        services.AddSingleton<Accounts>();
        services.AddSingleton<AccountLetters>();
        services.AddHostedService(provider => provider.GetRequiredService<AccountLetters>());
        services.AddHostedService<IdentityCare>();
        services.AddSingleton<Credentials>();
    }
}
