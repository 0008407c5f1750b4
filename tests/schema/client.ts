// What a client in TypeScript writes; compiled by test_clients.py with the generated types.
import { create, fromJson, toJson } from "@bufbuild/protobuf";
import {
  Build_State,
  BuildSchema,
  type CreateBuildRequestJson,
  CreateBuildRequestSchema,
} from "./sos/v1/build_pb.js";

const request: CreateBuildRequestJson = toJson(
  CreateBuildRequestSchema,
  create(CreateBuildRequestSchema, { project: "a", labels: { team: "b" } }),
);

const build = fromJson(BuildSchema, { id: "bld_1", state: "QUEUED", sourceDateEpoch: "5" });
if (build.state !== Build_State.QUEUED || build.sourceDateEpoch !== 5n) {
  throw new Error("not what was sent");
}

// @ts-expect-error: an unknown field is an error before anything is sent
const typo: CreateBuildRequestJson = { ...request, projekt: "a" };

export { typo };
