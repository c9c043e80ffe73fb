using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Stoa.Node.Mail;

/// <summary>Hands letters to the SMTP server of the node.</summary>
/// <remarks>It keeps none: whoever must be sure that a letter goes out sends it again later.</remarks>
public sealed class Mailer(MailOptions options)
{
    private readonly X509Certificate2Collection? _authorities = options.CaFile.Length > 0 ? MailTrust.Load(options.CaFile) : null;

    /// <summary>Whether this node sends e-mail at all.</summary>
    public bool IsOn => options.Host.Length > 0;

    /// <summary>Hands one letter over; when it returns the server has taken it.</summary>
    /// <exception cref="MailException">The server cannot be reached, or refuses the letter.</exception>
    /// <exception cref="InvalidOperationException">This node sends no e-mail.</exception>
    public async Task SendAsync(Letter letter, CancellationToken cancellationToken)
    {
        if (!IsOn)
            throw new InvalidOperationException("This node sends no e-mail: it has no Mail:Host.");
        using var message = new MimeMessage();
        var from = MailboxAddress.Parse(options.From);
        message.From.Add(from);
        if (!MailboxAddress.TryParse(letter.To, out var to))
            throw new MailException("The recipient is no e-mail address.", isForGood: true);
        message.To.Add(to);
        message.Subject = letter.Subject;
        if (letter.Id is { } id)
            message.MessageId = $"{id}@{from.Domain}";
        // Answering machines leave it alone (RFC 3834).
        message.Headers.Add("Auto-Submitted", "auto-generated");
        message.Body = new TextPart("plain") { Text = letter.Text };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.TimeoutMs);
        try
        {
            using var client = new SmtpClient();
            if (_authorities is { } authorities)
            {
                client.CheckCertificateRevocation = false;
                client.ServerCertificateValidationCallback = (_, certificate, chain, errors) => MailTrust.IsGood(authorities, certificate, chain, errors);
            }

            await client.ConnectAsync(options.Host, options.Port, Protection(), patience.Token);
            if (options.User.Length > 0)
                await client.AuthenticateAsync(options.User, options.Password, patience.Token);
            await client.SendAsync(message, patience.Token);
            await client.DisconnectAsync(quit: true, patience.Token);
        }
        catch (SmtpCommandException refused)
        {
            // A code from 500 on is for good, one from 400 on for now. What is wrong with the sender is for the operator to mend, and no fault of the letter.
            throw new MailException(
                $"The mail server refused the letter with {(int)refused.StatusCode}.",
                isForGood: (int)refused.StatusCode >= 500 && refused.ErrorCode is (SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted),
                refused);
        }
        catch (Exception failure) when (failure is ProtocolException or IOException or SocketException or AuthenticationException
            or SslHandshakeException or ServiceNotConnectedException or ServiceNotAuthenticatedException or NotSupportedException)
        {
            throw new MailException($"The mail server {options.Host} cannot be used: {failure.Message}", isForGood: false, failure);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MailException($"The mail server {options.Host} did not answer within {options.TimeoutMs} ms.", isForGood: false, late);
        }
    }

    private SecureSocketOptions Protection() => options.Security switch
    {
        "tls" => SecureSocketOptions.SslOnConnect,
        "none" => SecureSocketOptions.None,
        _ => SecureSocketOptions.StartTls,
    };
}

/// <summary>A letter did not go out.</summary>
/// <param name="message">Why, for the operator.</param>
/// <param name="isForGood">Whether it is pointless to send it again.</param>
/// <param name="cause">What was thrown.</param>
public sealed class MailException(string message, bool isForGood, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether it is pointless to send it again.</summary>
    public bool IsForGood => isForGood;
}
