// The library that jf is made of, unpatched, against a store: every step that `jf rt` takes with
// it, each checked by what the library itself tells or by what it wrote to disk.
//
//	jfrog BASE-URL TOKEN FOLDER
package main

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jfrog/build-info-go/entities"
	"github.com/jfrog/jfrog-client-go/access"
	accessauth "github.com/jfrog/jfrog-client-go/access/auth"
	accessservices "github.com/jfrog/jfrog-client-go/access/services"
	"github.com/jfrog/jfrog-client-go/artifactory"
	"github.com/jfrog/jfrog-client-go/artifactory/auth"
	"github.com/jfrog/jfrog-client-go/artifactory/services"
	"github.com/jfrog/jfrog-client-go/artifactory/services/utils"
	"github.com/jfrog/jfrog-client-go/config"
	"github.com/jfrog/jfrog-client-go/utils/io/content"
	"github.com/jfrog/jfrog-client-go/utils/log"
)

const (
	started   = "2026-02-02T02:40:00.000+0000"
	buildName = "sfix/service"
	number    = "16"
)

func must(err error, step string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", step, err)
		os.Exit(1)
	}
}

func want(ok bool, step string, got ...any) {
	if !ok {
		fmt.Fprintln(os.Stderr, append([]any{step + ":"}, got...)...)
		os.Exit(1)
	}
	fmt.Println("ok", step)
}

func connect(url, token string) artifactory.ArtifactoryServicesManager {
	details := auth.NewArtifactoryDetails()
	details.SetUrl(url + "/artifactory/")
	details.SetAccessToken(token)
	settings, err := config.NewConfigBuilder().SetServiceDetails(details).Build()
	must(err, "settings")
	manager, err := artifactory.New(settings)
	must(err, "manager")
	return manager
}

func common(pattern, target string) *utils.CommonParams {
	return &utils.CommonParams{Pattern: pattern, Target: target, Recursive: true}
}

func search(manager artifactory.ArtifactoryServicesManager, params *utils.CommonParams) []utils.ResultItem {
	reader, err := manager.SearchFiles(services.SearchParams{CommonParams: params})
	must(err, "search")
	defer reader.Close()
	var items []utils.ResultItem
	for item := new(utils.ResultItem); reader.NextRecord(item) == nil; item = new(utils.ResultItem) {
		items = append(items, *item)
	}
	must(reader.GetError(), "search")
	return items
}

func reader(manager artifactory.ArtifactoryServicesManager, pattern string) *content.ContentReader {
	found, err := manager.SearchFiles(services.SearchParams{CommonParams: common(pattern, "")})
	must(err, "search")
	return found
}

// Small, one that jf offers by checksum first, and one that it downloads in parts.
func upload(manager artifactory.ArtifactoryServicesManager, folder string) map[string][]byte {
	files := map[string][]byte{}
	for name, size := range map[string]int{"small;one.txt": 100, "big.bin": 60000, "huge.bin": 6 << 20} {
		data := make([]byte, size)
		rand.Read(data)
		files[name] = data
		must(os.WriteFile(filepath.Join(folder, name), data, 0o600), "write")
	}
	for round := 0; round < 2; round++ { // the second time by checksum
		params := services.NewUploadParams()
		params.CommonParams = common(folder+"/*", "dev/p/")
		params.Flat = true
		params.BuildProps = "build.name=" + "sfix%2Fservice" + ";build.number=" + number
		props, err := utils.ParseProperties("a=1;b=x y,z")
		must(err, "properties")
		params.TargetProps = props
		done, failed, err := manager.UploadFiles(artifactory.UploadServiceOptions{}, params)
		must(err, "upload")
		want(done == 3 && failed == 0, "upload", done, failed)
	}
	return files
}

func download(manager artifactory.ArtifactoryServicesManager, params *utils.CommonParams, folder string, files map[string][]byte) {
	asked := services.NewDownloadParams()
	asked.CommonParams = params
	asked.Target = folder + "/"
	asked.Flat = true
	asked.MinSplitSize, asked.SplitCount = 5000, 3
	done, failed, err := manager.DownloadFiles(asked)
	must(err, "download")
	want(done == len(files) && failed == 0, "download", done, failed)
	for name, data := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		must(err, "read")
		want(bytes.Equal(got, data), "bytes of "+name)
	}
}

// jf rt upload --explode.
func explode(manager artifactory.ArtifactoryServicesManager, folder string) {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	for _, name := range []string{"one", "d/two"} {
		entry, err := writer.Create(name)
		must(err, "zip")
		_, err = entry.Write([]byte(name))
		must(err, "zip")
	}
	must(writer.Close(), "zip")
	must(os.WriteFile(filepath.Join(folder, "x.zip"), archive.Bytes(), 0o600), "write")
	params := services.NewUploadParams()
	params.CommonParams = common(folder+"/x.zip", "dev/exploded/")
	params.Flat = true
	params.ExplodeArchive = true
	done, failed, err := manager.UploadFiles(artifactory.UploadServiceOptions{}, params)
	must(err, "explode")
	want(done == 1 && failed == 0, "explode", done, failed)
	items := search(manager, common("dev/exploded/*", ""))
	want(len(items) == 2, "exploded", items)
	must(os.Remove(filepath.Join(folder, "x.zip")), "remove")
}

func props(manager artifactory.ArtifactoryServicesManager) {
	items := search(manager, &utils.CommonParams{Pattern: "dev/p/*", Props: "a=1;b=z", Recursive: true})
	want(len(items) == 3, "search by properties", items)
	found := reader(manager, "dev/p/*")
	done, err := manager.SetProps(services.PropsParams{Reader: found, Props: "qa=ok,a\\,b;rel=yes"})
	must(err, "set properties")
	want(done == 3, "set properties", done)
	found.Close()
	found = reader(manager, "dev/p/*")
	done, err = manager.DeleteProps(services.PropsParams{Reader: found, Props: "rel"})
	must(err, "delete properties")
	want(done == 3, "delete properties", done)
	found.Close()
	got, err := manager.GetItemProps("dev/p/big.bin")
	must(err, "properties")
	want(len(got.Properties["qa"]) == 2 && len(got.Properties["rel"]) == 0, "properties", got.Properties)
}

func build(manager artifactory.ArtifactoryServicesManager, folder string, files map[string][]byte) {
	module := entities.Module{Type: "generic", Id: "m"}
	for _, item := range search(manager, common("dev/p/*", "")) {
		module.Artifacts = append(module.Artifacts, entities.Artifact{Name: item.Name, Path: item.Path + "/" + item.Name,
			OriginalDeploymentRepo: item.Repo,
			Checksum:               entities.Checksum{Sha1: item.Actual_Sha1, Md5: item.Actual_Md5, Sha256: item.Sha256}})
	}
	want(len(module.Artifacts) == 3, "search")
	info := &entities.BuildInfo{Name: buildName, Number: number, Started: started, Modules: []entities.Module{module}}
	summary, err := manager.PublishBuildInfo(info, "")
	must(err, "publish")
	want(summary.IsSucceeded() && len(summary.GetSha256()) == 64, "publish", summary)

	told, found, err := manager.GetBuildInfo(services.BuildInfoParams{BuildName: buildName, BuildNumber: "LATEST"})
	must(err, "build")
	want(found && told.BuildInfo.Number == number, "the latest build", told)
	runs, found, err := manager.GetBuildRuns(services.BuildInfoParams{BuildName: buildName})
	must(err, "runs")
	want(found && len(runs.BuildsNumbers) == 1 && runs.BuildsNumbers[0].Uri == "/16", "runs", runs)

	asked := common("", "")
	asked.Build = "sfix\\/service/16"
	download(manager, asked, folder, files)

	err = manager.PromoteBuild(services.PromotionParams{BuildName: buildName, BuildNumber: number, SourceRepo: "dev",
		TargetRepo: "release", Copy: true, FailFast: true, Status: "Released", Comment: "good", Properties: "promoted=yes"})
	must(err, "promote")
	items := search(manager, &utils.CommonParams{Pattern: "release/*", Props: "promoted=yes", Recursive: true})
	want(len(items) == 3, "promote", items)
	err = manager.PromoteBuild(services.PromotionParams{BuildName: buildName, BuildNumber: number, TargetRepo: "nowhere"})
	want(err != nil, "a promotion to nowhere fails")
}

func transfer(manager artifactory.ArtifactoryServicesManager) {
	params := services.NewMoveCopyParams()
	params.CommonParams = common("dev/p/*", "dev/copied/")
	params.Flat = true
	done, failed, err := manager.Copy(params)
	must(err, "copy")
	want(done == 3 && failed == 0, "copy", done, failed)
	params.CommonParams = common("dev/copied/*", "dev/moved/")
	done, failed, err = manager.Move(params)
	must(err, "move")
	want(done == 3 && failed == 0, "move", done, failed)
	want(len(search(manager, common("dev/copied/*", ""))) == 0, "moved away")

	gone := services.NewDeleteParams()
	gone.CommonParams = common("dev/moved/*", "")
	paths, err := manager.GetPathsToDelete(gone)
	must(err, "paths to delete")
	defer paths.Close()
	count, err := manager.DeleteFiles(paths)
	must(err, "delete")
	want(count > 0 && len(search(manager, common("dev/moved/*", ""))) == 0, "delete", count)
}

func tokens(manager artifactory.ArtifactoryServicesManager, url, token string) {
	details := accessauth.NewAccessDetails()
	details.SetUrl(url + "/access/")
	details.SetAccessToken(token)
	settings, err := config.NewConfigBuilder().SetServiceDetails(details).Build()
	must(err, "settings")
	service, err := access.New(settings)
	must(err, "access")
	life := uint(600)
	params := accessservices.CreateTokenParams{Username: "ci", Description: "for CI"}
	params.Scope = "artifact:dev/p:r"
	params.ExpiresIn = &life
	made, err := service.CreateAccessToken(params)
	must(err, "make a token")
	want(made.AccessToken != "" && made.TokenId != "", "make a token")

	limited := connect(url, made.AccessToken)
	data, err := limited.ReadRemoteFile("dev/p/big.bin")
	must(err, "read with it")
	got, err := io.ReadAll(data)
	must(err, "read with it")
	data.Close()
	want(len(got) == 60000, "read with it", len(got))
	_, err = limited.ReadRemoteFile("release/p/big.bin")
	want(err != nil, "elsewhere it reads nothing")

	refreshable := true
	params.Refreshable = &refreshable
	first, err := service.CreateAccessToken(params)
	must(err, "make a refreshable token")
	again := accessservices.CreateTokenParams{}
	again.RefreshToken = first.RefreshToken
	second, err := service.RefreshAccessToken(again)
	must(err, "refresh it")
	old := services.NewArtifactoryRefreshTokenParams()
	old.AccessToken, old.RefreshToken = second.AccessToken, second.RefreshToken
	third, err := manager.RefreshToken(old)
	must(err, "refresh it in the older form")
	_, err = connect(url, second.AccessToken).ReadRemoteFile("dev/p/big.bin")
	want(err != nil, "what was refreshed is over")
	data, err = connect(url, third.AccessToken).ReadRemoteFile("dev/p/big.bin")
	must(err, "read with what was refreshed twice")
	data.Close()

	_, err = manager.RevokeToken(services.RevokeTokenParams{TokenId: made.TokenId})
	must(err, "revoke it")
	_, err = limited.ReadRemoteFile("dev/p/big.bin")
	want(err != nil, "revoked")
}

func system(manager artifactory.ArtifactoryServicesManager) {
	pong, err := manager.Ping()
	must(err, "ping")
	want(string(pong) == "OK", "ping", string(pong))
	_, err = manager.GetVersion()
	must(err, "version")
	there, err := manager.IsRepoExists("dev")
	must(err, "repository")
	missing, err := manager.IsRepoExists("nowhere")
	must(err, "repository")
	want(there && !missing, "repositories")
	_, err = manager.GetStorageInfo()
	must(err, "storage info")
}

func main() {
	url, token, folder := os.Args[1], os.Args[2], os.Args[3]
	log.SetLogger(log.NewLogger(log.WARN, os.Stderr))
	sent, got, ofBuild := filepath.Join(folder, "sent"), filepath.Join(folder, "got"), filepath.Join(folder, "build")
	must(os.MkdirAll(sent, 0o700), "folder")
	manager := connect(url, token)

	system(manager)
	files := upload(manager, sent)
	download(manager, common("dev/p/*", ""), got, files)
	props(manager)
	explode(manager, sent)
	build(manager, ofBuild, files)
	transfer(manager)
	tokens(manager, url, token)
	must(manager.DiscardBuilds(services.DiscardBuildsParams{BuildName: buildName, MaxBuilds: "0"}), "discard builds")
	_, found, err := manager.GetBuildInfo(services.BuildInfoParams{BuildName: buildName, BuildNumber: number})
	must(err, "build")
	want(!found, "discarded")
	fmt.Println("jfrog ok")
}
