using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Channels;

namespace Stoa.Node.Tests.Identity;

/// <summary>A mail server on this machine that takes every letter, for tests that read them.</summary>
internal sealed partial class LetterBox : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Channel<string> _letters = Channel.CreateUnbounded<string>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _serving;

    public LetterBox()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>Options of a node that sends its e-mail here.</summary>
    public string[] Options =>
        ["--mail:host", "127.0.0.1", "--mail:port", $"{((IPEndPoint)_listener.LocalEndpoint).Port}", "--mail:security", "none", "--mail:from", "stoa@example.org"];

    /// <summary>The next letter, waited for.</summary>
    public async Task<string> TakeAsync() => await _letters.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>The code of the next letter, which has to be to an address.</summary>
    public async Task<string> TakeCodeAsync(string to)
    {
        var letter = await TakeAsync();
        letter.ShouldContain($"To: {to}");
        var code = Code().Match(letter);
        code.Success.ShouldBeTrue(letter);
        return code.Value;
    }

    /// <summary>Whether a letter has come that nobody has taken.</summary>
    public bool HasMore => _letters.Reader.TryPeek(out _);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            using var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
            await using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII);
            await using var writer = new StreamWriter(stream, Encoding.ASCII) { NewLine = "\r\n", AutoFlush = true };
            await writer.WriteLineAsync("220 letterbox");
            while (await reader.ReadLineAsync(_stopping.Token) is { } line)
            {
                if (line.StartsWith("QUIT", StringComparison.OrdinalIgnoreCase))
                {
                    await writer.WriteLineAsync("221 bye");
                    break;
                }

                if (!line.Equals("DATA", StringComparison.OrdinalIgnoreCase))
                {
                    await writer.WriteLineAsync("250 ok");
                    continue;
                }

                await writer.WriteLineAsync("354 go on");
                var letter = new StringBuilder();
                while (await reader.ReadLineAsync(_stopping.Token) is { } written && written != ".")
                    letter.AppendLine(written);
                _letters.Writer.TryWrite(letter.ToString());
                await writer.WriteLineAsync("250 taken");
            }
        }
    }

    [GeneratedRegex(@"(?m)(?<=^\s+)[a-z2-7]{4}(-[a-z2-7]{4})+")]
    private static partial Regex Code();
}
