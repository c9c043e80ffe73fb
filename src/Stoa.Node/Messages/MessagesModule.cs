using Stoa.Node.Hosting;

namespace Stoa.Node.Messages;

/// <summary>Wires mailboxes into the node.</summary>
public static class MessagesModule
{
    public static void AddMessages(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Messages", new MessagesOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<SqlMailboxStore>();
        services.AddSingleton<SqlMessages>();
        services.AddSingleton<SqlTopicStore>();
        services.AddSingleton<MailboxReceiver>();
        services.AddSingleton<MailboxBell>();
        services.AddHostedService(provider => provider.GetRequiredService<MailboxBell>());
        services.AddSingleton<MailboxCare>();
        services.AddHostedService(provider => provider.GetRequiredService<MailboxCare>());
    }
}
