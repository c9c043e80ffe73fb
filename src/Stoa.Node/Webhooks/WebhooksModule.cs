using Stoa.Market.Webhooks;
using Stoa.Node.Hosting;

namespace Stoa.Node.Webhooks;

/// <summary>Wires webhooks into the node.</summary>
public static class WebhooksModule
{
    public static void AddWebhooks(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Webhooks", new WebhooksOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton(new WebhookRules(options.AllowHttp, options.AllowPrivateAddresses));
        services.AddSingleton(new WebhookRetries(options.MaxAttempts, TimeSpan.FromHours(options.DisableAfterHours)));
        services.AddSingleton<SqlWebhookStore>();
        services.AddSingleton<SqlWebhookQueue>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<WebhookWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<WebhookWorker>());
    }
}
