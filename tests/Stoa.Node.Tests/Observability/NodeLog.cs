using System.Text.RegularExpressions;

namespace Stoa.Node.Tests.Observability;

/// <summary>The log of a node that runs in this process. When the node has ended, it is searched for secrets: so every test of the whole run looks for them.</summary>
internal sealed partial class NodeLog
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"stoa-node-log-{Guid.NewGuid():n}.txt");

    /// <summary>What makes a node write it, everything it has to say.</summary>
    public string[] Options => ["--observability:logLevel", "trace", "--observability:logFile", _path];

    /// <summary>What there is of it.</summary>
    public string Text
    {
        get
        {
            if (!File.Exists(_path))
                return "";
            using var reader = new StreamReader(new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            return reader.ReadToEnd();
        }
    }

    /// <summary>Secrets of ours in a text: API keys, secrets of webhooks, keys of Stripe, session tokens, private keys.</summary>
    public static IReadOnlyList<string> SecretsIn(string text) => [.. Secret().Matches(text).Select(match => match.Value)];

    /// <summary>Called when the node has ended: no line may hold a secret.</summary>
    public void Close()
    {
        var text = Text;
        File.Delete(_path);
        RefuseSecrets(text);
    }

    /// <summary>Fails the test when a text of a node holds a secret.</summary>
    public static void RefuseSecrets(string text)
    {
        var secrets = SecretsIn(text);
        if (secrets.Count > 0)
            throw new InvalidOperationException($"The node has logged a secret: {secrets[0][..12]}… in: {text.Split('\n').First(line => line.Contains(secrets[0], StringComparison.Ordinal))}");
    }

    [GeneratedRegex(@"stoa_[a-z2-7]{40}|whsec_[A-Za-z0-9+/=]{20,}|sk_(?:live|test)_[A-Za-z0-9]{8,}|rk_(?:live|test)_[A-Za-z0-9]{8,}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|-----BEGIN (?:EC )?PRIVATE KEY-----")]
    private static partial Regex Secret();
}
