using Stoa.Node.Hosting;

namespace Stoa.Node.Mail;

/// <summary>Wires e-mail into the node.</summary>
public static class MailModule
{
    public static void AddMail(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Mail", new MailOptions(), options => options.Validate());
        builder.Services.AddSingleton<Mailer>();
    }
}
