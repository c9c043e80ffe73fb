using System.Net;
using System.Net.Sockets;
using Stoa.Node.Mail;

namespace Stoa.Node.Tests.Mail;

/// <summary>Letters go to a real mail server, or it is said why not and whether to try again.</summary>
public sealed class MailerTests
{
    private static readonly Letter s_letter = new("ada@example.org", "Größe: 80 % verbraucht", "Hello,\n.a line that begins with a dot\nund Ümläute\n") { Id = "letter_01" };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Send_ToAServer_ArrivesAsItWasWritten()
    {
        await using var server = new SmtpServer();
        await Mailer(server).SendAsync(s_letter, Stop);

        var came = await server.TakeAsync(Stop);
        (came.From, came.To).ShouldBe(("stoa@example.org", "ada@example.org"));
        using var message = came.Read();
        (message.Subject, message.TextBody.ShouldNotBeNull().ReplaceLineEndings("\n").TrimEnd()).ShouldBe((s_letter.Subject, s_letter.Text.TrimEnd()));
        (message.MessageId, message.Headers["Auto-Submitted"]).ShouldBe(("letter_01@example.org", "auto-generated"));
    }

    [Theory]
    [InlineData("450 4.2.1 Later", false, false)]
    [InlineData("550 5.1.1 Nobody of that name", false, true)]
    [InlineData("451 4.3.0 Later", true, false)]
    [InlineData("554 5.7.1 Not wanted", true, true)]
    public async Task Send_ThatIsRefused_SaysWhetherForGood(string answer, bool isOfLetter, bool isForGood)
    {
        await using var server = new SmtpServer();
        (isOfLetter ? server.LetterAnswers : server.RecipientAnswers).Enqueue(answer);

        var refused = await Should.ThrowAsync<MailException>(() => Mailer(server).SendAsync(s_letter, Stop));

        refused.IsForGood.ShouldBe(isForGood);
        refused.Message.ShouldNotContain("ada@example.org");
        await Mailer(server).SendAsync(s_letter, Stop);
    }

    [Fact]
    public async Task Send_WithAnAccount_SignsIn()
    {
        await using var server = new SmtpServer { Account = "stoa:geheim" };
        await Mailer(server, options => options with { User = "stoa", Password = "geheim" }).SendAsync(s_letter, Stop);
        (await server.TakeAsync(Stop)).To.ShouldBe("ada@example.org");

        // Whoever mends the password has the letters sent: it is no fault of theirs.
        foreach (var mailer in new[] { Mailer(server, options => options with { User = "stoa", Password = "falsch" }), Mailer(server) })
        {
            var refused = await Should.ThrowAsync<MailException>(() => mailer.SendAsync(s_letter, Stop));
            refused.IsForGood.ShouldBeFalse(refused.Message);
            refused.Message.ShouldNotContain("falsch");
        }
    }

    [Fact]
    public async Task Send_ToAServerWithoutTls_DoesNotGoInTheClear()
    {
        await using var server = new SmtpServer();

        (await Should.ThrowAsync<MailException>(() => Mailer(server, options => options with { Security = "startTls" }).SendAsync(s_letter, Stop))).IsForGood.ShouldBeFalse();

        server.Attempts.ShouldBe(0);
    }

    [Fact]
    public async Task Send_ToASilentServer_GivesUpInTime()
    {
        await using var server = new SmtpServer { IsSilent = true };

        var late = await Should.ThrowAsync<MailException>(() => Mailer(server, options => options with { TimeoutMs = 100 }).SendAsync(s_letter, Stop));

        (late.IsForGood, late.Message).ShouldBe((false, "The mail server 127.0.0.1 did not answer within 100 ms."));
    }

    [Fact]
    public async Task Send_ToNobody_IsRefused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var options = new MailOptions { Host = "127.0.0.1", Port = port, Security = "none", From = "stoa@example.org" };

        (await Should.ThrowAsync<MailException>(() => new Mailer(options).SendAsync(s_letter, Stop))).IsForGood.ShouldBeFalse();
        (await Should.ThrowAsync<MailException>(() => new Mailer(options).SendAsync(s_letter with { To = "no address" }, Stop))).IsForGood.ShouldBeTrue();
        await Should.ThrowAsync<InvalidOperationException>(() => new Mailer(new MailOptions()).SendAsync(s_letter, Stop));
    }

    [Fact]
    public void Options_ThatWouldSendInTheClear_AreRefused()
    {
        var good = new MailOptions { Host = "mail.example.org", From = "stoa@example.org" };

        good.Validate().ShouldBeEmpty();
        (good with { Security = "none" }).Validate().ShouldHaveSingleItem().ShouldContain("in the clear");
        (good with { Security = "none", Host = "::1" }).Validate().ShouldBeEmpty();
        (good with { From = "" }).Validate().ShouldHaveSingleItem().ShouldContain("Mail:From");
        new MailOptions().Validate().ShouldBeEmpty();
    }

    private static Mailer Mailer(SmtpServer server, Func<MailOptions, MailOptions>? change = null)
    {
        var options = new MailOptions { Host = "127.0.0.1", Port = server.Port, Security = "none", From = "stoa@example.org" };
        return new Mailer(change?.Invoke(options) ?? options);
    }
}
