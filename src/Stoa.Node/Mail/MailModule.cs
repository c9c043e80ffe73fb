using Stoa.Node.Hosting;

namespace Stoa.Node.Mail;

/// <summary>Wires e-mail into the node.</summary>
public static class MailModule
{
    public static void AddMail(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Mail", new MailOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<Mailer>();
        services.AddSingleton<LetterBox>();
        services.AddSingleton<SqlLetterQueue>();
        services.AddSingleton<MailWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<MailWorker>());
    }
}
