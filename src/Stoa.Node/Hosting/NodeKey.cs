using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>The node's own key, which signs its receipts and is its name on the network. It is made at the first start and never leaves the data folder.</summary>
public static class NodeKey
{
    /// <summary>Name of its file.</summary>
    public const string FileName = "node.key";

    public static PrivateKey Open(DataFolder folder)
    {
        var path = folder.PathOf(FileName);
        if (File.Exists(path))
            return PrivateKey.FromPem(File.ReadAllText(path));
        var key = PrivateKey.Generate();
        folder.WriteSecret(FileName, key.ToPem());
        return key;
    }
}
