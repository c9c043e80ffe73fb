using Stoa.Market.Identity;
using Stoa.Node.Hosting;

namespace Stoa.Node.Quotas;

/// <summary>Wires quotas into the node.</summary>
public static class QuotasModule
{
    public static void AddQuotas(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Quotas", new QuotasOptions(), options => options.Validate());
        builder.Services.AddSingleton(new UserQuota(options.OpenTasks, options.ContentBytes));
        builder.Services.AddSingleton<UserUsages>();
        builder.Services.AddSingleton<QuotaDesk>();
    }
}
