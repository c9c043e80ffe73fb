using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;
using MimeKit;

namespace Stoa.Node.Tests.Mail;

/// <summary>A mail server on this machine that speaks SMTP (RFC 5321) and takes down what it is given.</summary>
public sealed class SmtpServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<ReceivedLetter> _received = Channel.CreateUnbounded<ReceivedLetter>();
    private readonly Task _serving;

    public SmtpServer()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Answers to the next recipients; 250 when there is none.</summary>
    public ConcurrentQueue<string> RecipientAnswers { get; } = new();

    /// <summary>Answers to the next letters, once they are read; 250 when there is none.</summary>
    public ConcurrentQueue<string> LetterAnswers { get; } = new();

    /// <summary>Who may send, <c>user:password</c>; null for everybody.</summary>
    public string? Account { get; init; }

    /// <summary>Its certificate; null when it speaks in the clear only.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Certificates between its own and a root, which it sends along.</summary>
    public X509Certificate2Collection Intermediates { get; init; } = [];

    /// <summary>It speaks TLS from the first byte, not only after STARTTLS.</summary>
    public bool IsTlsFromTheStart { get; init; }

    /// <summary>All that was said to it outside of TLS.</summary>
    public ConcurrentQueue<string> SaidInTheClear { get; } = new();

    /// <summary>It takes connections and says nothing.</summary>
    public bool IsSilent { get; init; }

    /// <summary>How many letters were begun.</summary>
    public int Attempts { get; private set; }

    /// <summary>The next letter.</summary>
    public ValueTask<ReceivedLetter> TakeAsync(CancellationToken cancellationToken) => _received.Reader.ReadAsync(cancellationToken);

    /// <summary>Whether another letter is there.</summary>
    public bool HasMore => _received.Reader.TryPeek(out _);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(TalkAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TalkAsync(TcpClient client)
    {
        using (client)
        {
            if (IsSilent)
                await Task.Delay(Timeout.Infinite, _stop.Token);
            Stream stream = client.GetStream();
            if (IsTlsFromTheStart)
                stream = await ProtectAsync(stream);
            var (reader, writer) = Open(stream);
            await writer.WriteLineAsync("220 mail.test ESMTP");
            string? from = null, to = null;
            var isKnown = Account is null;
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                var verb = line.Split(' ', ':')[0].ToUpperInvariant();
                if (stream is not SslStream)
                    SaidInTheClear.Enqueue(line);
                switch (verb)
                {
                    case "EHLO":
                        string[] offers = ["mail.test", .. Account is null ? [] : new[] { "AUTH PLAIN" }, .. Certificate is null || stream is SslStream ? [] : new[] { "STARTTLS" }];
                        await writer.WriteLineAsync(string.Join("\r\n", offers.Select((offer, index) => $"250{(index == offers.Length - 1 ? ' ' : '-')}{offer}")));
                        break;
                    case "STARTTLS" when Certificate is not null && stream is not SslStream:
                        await writer.WriteLineAsync("220 2.0.0 Go on");
                        stream = await ProtectAsync(stream);
                        (reader, writer) = Open(stream);
                        break;
                    case "AUTH":
                        isKnown = Encoding.UTF8.GetString(Convert.FromBase64String(line.Split(' ')[2])) == "\0" + Account!.Replace(':', '\0');
                        await writer.WriteLineAsync(isKnown ? "235 2.7.0 Welcome" : "535 5.7.8 Wrong password");
                        break;
                    case "MAIL":
                        Attempts++;
                        from = AddressIn(line);
                        await writer.WriteLineAsync(isKnown ? "250 2.1.0 Ok" : "530 5.7.0 Who are you?");
                        break;
                    case "RCPT":
                        to = AddressIn(line);
                        await writer.WriteLineAsync(RecipientAnswers.TryDequeue(out var answer) ? answer : "250 2.1.5 Ok");
                        break;
                    case "DATA":
                        await writer.WriteLineAsync("354 Go on");
                        var text = await ReadLetterAsync(reader);
                        var reply = LetterAnswers.TryDequeue(out var given) ? given : "250 2.0.0 Taken";
                        if (reply[0] == '2')
                            _received.Writer.TryWrite(new ReceivedLetter(from!, to!, text));
                        await writer.WriteLineAsync(reply);
                        break;
                    case "RSET" or "NOOP":
                        await writer.WriteLineAsync("250 2.0.0 Ok");
                        break;
                    case "QUIT":
                        await writer.WriteLineAsync("221 2.0.0 Bye");
                        return;
                    default:
                        await writer.WriteLineAsync("502 5.5.2 What?");
                        break;
                }
            }
        }
    }

    private async Task<SslStream> ProtectAsync(Stream stream)
    {
        var secure = new SslStream(stream);
        await secure.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(Certificate!, Intermediates, offline: true) }, _stop.Token);
        return secure;
    }

    private static (StreamReader Reader, StreamWriter Writer) Open(Stream stream) =>
        (new StreamReader(stream, Encoding.Latin1), new StreamWriter(stream, Encoding.ASCII) { NewLine = "\r\n", AutoFlush = true });

    private async Task<byte[]> ReadLetterAsync(StreamReader reader)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync(_stop.Token) is { } line && line != ".")
            text.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
        return Encoding.Latin1.GetBytes(text.ToString());
    }

    private static string AddressIn(string line) => line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)];
}

/// <summary>A letter as it came.</summary>
/// <param name="From">Of the envelope.</param>
/// <param name="To">Of the envelope.</param>
/// <param name="Bytes">Its headers and text.</param>
public sealed record ReceivedLetter(string From, string To, byte[] Bytes)
{
    /// <summary>What is in it.</summary>
    public MimeMessage Read() => MimeMessage.Load(new MemoryStream(Bytes));
}
